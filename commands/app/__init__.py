"""The program behind every command: options, help pages, messages, output, processes."""
