//! The record of decisions as an event of the trace: target `lockgate::decisions`, level debug.

use tracing::Level;

use super::Decisions;
use crate::error::Error;
use crate::settle::Row;

const TARGET: &str = "lockgate::decisions";

/// A request has ended.
pub(crate) fn ended(row: &Row) {
    if !tracing::enabled!(target: TARGET, Level::DEBUG) {
        return;
    }
    tracing::debug!(
        target: TARGET,
        request_id = %row.request_id,
        requested_model = %row.requested_model,
        provider = row.provider.as_deref().unwrap_or_default(),
        model = row.served_model.as_deref().unwrap_or_default(),
        cache = row.cache.as_str(),
        status = row.status,
        decisions = row.decisions.as_deref().map(text).unwrap_or_default(),
        "decided"
    );
}

/// A request was refused, and has no row.
pub(crate) fn refused(request_id: &str, model: &str, error: &Error, decisions: &Decisions) {
    if !tracing::enabled!(target: TARGET, Level::DEBUG) {
        return;
    }
    tracing::debug!(
        target: TARGET,
        request_id,
        requested_model = model,
        status = error.status(),
        code = error.code(),
        decisions = text(decisions),
        "refused"
    );
}

fn text(decisions: &Decisions) -> String {
    serde_json::to_string(decisions).unwrap_or_default()
}
