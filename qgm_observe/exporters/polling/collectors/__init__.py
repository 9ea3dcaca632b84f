"""What is asked of a provider, each kind of question a module: answers to samples."""
