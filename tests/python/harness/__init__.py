"""Starts the programs under test and speaks their control protocols. Standard library only."""
