"""Parts of the configuration that are more than one key, beside those that channels bring."""
