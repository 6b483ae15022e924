//! Tool calls in a stream: which piece belongs to which call.

use crate::provider::Failure;
use crate::stream::{ToolForm, ToolPiece};
use crate::types::{Extra, ToolCallDelta};

/// Most calls in one answer; a stream with more is broken.
const MAX_CALLS: usize = 1024;

/// An id for a call that came without one: the same each time the stream is read, and unlike any other answer's.
pub(in crate::provider) fn made_up_id(answer: &str, choice: u32, index: u32) -> String {
    let answer: String = answer.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("call_{answer}_{choice}_{index}")
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    /// The provider's index, where it gives one.
    theirs: Option<u32>,
    id: Option<String>,
    form: ToolForm,
    /// What came before the name did; none once the call was told.
    held: Option<ToolPiece>,
}

impl Calls {
    /// Takes a piece as the provider sent it. Gives it back with our index, or keeps it until the call has a name.
    pub(super) fn piece(
        &mut self,
        answer: &str,
        choice: u32,
        delta: ToolCallDelta,
    ) -> Result<Option<ToolPiece>, Failure> {
        let id = delta.id.filter(|id| !id.is_empty());
        let at = self.find(delta.index, id.as_deref());
        if at >= MAX_CALLS {
            return Err(Failure::malformed("The provider's stream has too many tool calls."));
        }
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        if at == self.0.len() {
            let held = ToolPiece { index, ..ToolPiece::default() };
            self.0.push(Call {
                theirs: delta.index,
                id: id.clone(),
                form: ToolForm::Function,
                held: Some(held),
            });
        }
        let Some(call) = self.0.get_mut(at) else { return Ok(None) };
        if call.id.is_none() {
            call.id = id;
        }
        let extra = delta.extra;
        let (form, name, arguments, inner) = match (delta.function, delta.custom) {
            (None, Some(custom)) => (ToolForm::Custom, custom.name, custom.input, custom.extra),
            (Some(function), _) => (ToolForm::Function, function.name, function.arguments, function.extra),
            (None, None) => (call.form, None, None, Extra::default()),
        };
        call.form = form;
        let name = name.filter(|name| !name.is_empty());
        let arguments = arguments.unwrap_or_default();
        let Some(mut held) = call.held.take() else {
            // Some providers repeat id and name on each piece.
            return Ok(Some(ToolPiece { index, form, id: None, name: None, arguments, extra, inner }));
        };
        held.form = form;
        held.arguments.push_str(&arguments);
        held.extra.absorb(extra);
        held.inner.absorb(inner);
        if name.is_none() {
            call.held = Some(held);
            return Ok(None);
        }
        held.name = name;
        held.id = Some(call.id.clone().unwrap_or_else(|| made_up_id(answer, choice, index)));
        Ok(Some(held))
    }

    /// Fails if a call never got a name.
    pub(super) fn end(&self) -> Result<(), Failure> {
        if self.0.iter().any(|call| call.held.is_some()) {
            return Err(Failure::malformed("The provider's stream has a tool call without a name."));
        }
        Ok(())
    }

    /// Our index of the call that a piece belongs to: by the provider's index unless the id says that a new call has
    /// begun, by id, else the last one.
    fn find(&self, theirs: Option<u32>, id: Option<&str>) -> usize {
        let same_id = |call: &Call| match (id, call.id.as_deref()) {
            (Some(new), Some(old)) => new == old,
            _ => true,
        };
        let found = match (theirs, id) {
            (Some(theirs), _) => self.0.iter().rposition(|call| call.theirs == Some(theirs) && same_id(call)),
            (None, Some(id)) => self.0.iter().rposition(|call| call.id.as_deref() == Some(id)),
            (None, None) => self.0.len().checked_sub(1),
        };
        found.unwrap_or(self.0.len())
    }
}
