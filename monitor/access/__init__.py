"""Who may look and act: a token on disk as a hash, sessions signed with it, tries counted, TLS."""
