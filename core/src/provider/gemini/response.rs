//! A whole answer coming in.

use super::answer::Answers;
use super::error;
use super::wire::Reply;
use crate::provider::Failure;
use crate::stream::{Assembler, Event};
use crate::types::ChatResponse;

pub(super) fn read(body: &[u8]) -> Result<ChatResponse, Failure> {
    let reply: Reply = serde_json::from_slice(body).map_err(|problem| {
        error::within(body).unwrap_or_else(|| {
            Failure::malformed(format!("The provider's answer cannot be read: {problem}."))
        })
    })?;
    let mut answers = Answers::default();
    let mut events: Vec<Event> = Vec::new();
    answers.take(reply, &mut events)?;
    if !answers.any() {
        return Err(Failure::malformed("The provider's answer has no candidates."));
    }
    answers.end(&mut events);
    let mut assembler = Assembler::default();
    events.iter().for_each(|event| assembler.push(event));
    Ok(assembler.so_far())
}
