//! Lockgate for Python. The module arrives with the Python package.
