//! A whole answer coming in.

use super::blocks::Blocks;
use super::error;
use super::finish::Ending;
use super::stream::{finish, start};
use super::wire::Message;
use crate::provider::Failure;
use crate::stream::Assembler;
use crate::types::ChatResponse;

pub(super) fn read(body: &[u8]) -> Result<ChatResponse, Failure> {
    let message: Message = serde_json::from_slice(body)
        .map_err(|problem| Failure::malformed(format!("The provider's answer cannot be read: {problem}.")))?;
    match message.kind.as_deref() {
        Some("message") => {}
        Some("error") => return Err(error::body(body).unwrap_or_default().into_failure(None)),
        _ => return Err(Failure::malformed("The provider's answer is not a message.")),
    }
    let mut events = Vec::new();
    let mut blocks = Blocks::default();
    start(&message, &mut events);
    for (index, block) in (0..).zip(&message.content) {
        blocks.start(index, block, &mut events)?;
        blocks.stop(index, &mut events)?;
    }
    let ending = Ending::new(message.stop_reason, message.stop_sequence, message.stop_details);
    finish(&ending, &blocks, message.usage.as_ref(), &mut events)?;
    let mut assembler = Assembler::default();
    events.iter().for_each(|event| assembler.push(event));
    assembler.finish().ok_or_else(|| Failure::malformed("The provider's answer has no end."))
}
