//! Names that become part of a URL.

use crate::error::{Error, Kind, Result};

/// Checks that a model's name can be one segment of a URL's path, as it is: letters, digits and `. _ - : @`, not `.`
/// or `..`. Anything else could reach another path of the provider.
pub fn path_segment(model: &str) -> Result<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte);
    if !model.is_empty() && model != "." && model != ".." && model.bytes().all(allowed) {
        return Ok(model);
    }
    Err(Error::new(Kind::ModelNotFound, format!("The model {model:?} does not exist."))
        .with(|details| details.param = Some("model".to_owned())))
}
