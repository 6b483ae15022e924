//! Reading a request, and refusing what needs state.

use super::wire::ResponsesRequest;
use crate::error::{Error, Kind, Result};
use crate::types::read_body;

impl ResponsesRequest {
    /// Reads the body of a request.
    pub(super) fn from_slice(body: &[u8]) -> Result<ResponsesRequest> {
        let request: ResponsesRequest = read_body(body)?;
        request.refuse_state()?;
        Ok(request)
    }

    /// Nothing is kept between calls: what refers to an earlier one, or asks to be kept, cannot be served.
    fn refuse_state(&self) -> Result<()> {
        let kept = [
            ("previous_response_id", self.previous_response_id.is_some()),
            ("conversation", self.conversation.as_ref().is_some_and(|value| !value.is_null())),
            ("prompt", self.prompt.as_ref().is_some_and(|value| !value.is_null())),
        ];
        if let Some((field, _)) = kept.iter().find(|(_, given)| *given) {
            let message = format!(
                "{field}: responses are not stored here; send the whole conversation in input instead."
            );
            return Err(unsupported(*field, message));
        }
        if self.store == Some(true) {
            return Err(unsupported(
                "store",
                "store: true is not supported; set it to false or leave it out.",
            ));
        }
        if self.background == Some(true) {
            return Err(unsupported(
                "background",
                "background: true is not supported; an answer is waited for.",
            ));
        }
        Ok(())
    }
}

/// A part of the protocol that is not served.
pub(super) fn unsupported(
    field: impl Into<String>,
    message: impl Into<std::borrow::Cow<'static, str>>,
) -> Error {
    let field = field.into();
    Error::new(Kind::UnsupportedParameter, message).with(|details| details.param = Some(field))
}
