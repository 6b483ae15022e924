//! Lockgate for Node. The module arrives with the Node package.
