"""gocryptfs's command line: words become Specs, and messages become gocryptfs's texts."""
