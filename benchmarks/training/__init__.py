"""How the pooled model that ships is trained, from data that anyone can make again."""
