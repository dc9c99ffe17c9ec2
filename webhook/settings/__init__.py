"""What may stand in the sections of the configuration file that have a part of their own?"""
