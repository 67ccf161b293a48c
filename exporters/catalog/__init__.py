"""Every metric and log field, named once."""
