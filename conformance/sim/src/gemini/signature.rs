//! Thought signatures: sealed, checked when they come back, and good only for the part they came with.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::gemini::error::{ApiError, invalid};
use crate::model::hash;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands in for the signature of a call that another model made.
const STAND_INS: [&[u8]; 2] = [b"skip_thought_signature_validator", b"context_engineering_is_the_way_to_go"];

/// What every signature begins with.
const HEAD: [u8; 8] = [0x0a, 0x22, 0x0a, 0x20, 1, 0, 0, 0];

const SECRET: &str = "lockgate-sim";

/// The signature of the part that `what` describes, in the answer `id`.
pub(crate) fn seal(id: u64, what: &str) -> String {
    let (id, what) = (id.to_be_bytes(), hash(what.as_bytes()).to_be_bytes());
    let mac = mac(&id, &what);
    BASE64.encode([HEAD, id, what, mac].concat())
}

fn mac(id: &[u8], what: &[u8]) -> [u8; 8] {
    hash(&[SECRET.as_bytes(), id, what].concat()).to_be_bytes()
}

/// What a call's signature is for.
pub(crate) fn of_call(name: &str, args: &serde_json::Value) -> String {
    format!("call {name} {args}")
}

/// What a text's signature is for.
pub(crate) fn of_text(text: &str) -> String {
    format!("text {text}")
}

/// Refuses a signature that is not of the part that `what` describes.
pub(crate) fn check(signature: &str, what: &str) -> Result<(), ApiError> {
    // Protobuf takes both alphabets of base64.
    let standard = signature.replace('-', "+").replace('_', "/");
    let bytes = BASE64.decode(standard).unwrap_or_default();
    if STAND_INS.iter().any(|word| *word == signature.as_bytes() || *word == bytes) {
        return Ok(());
    }
    let part = |at: usize| bytes.get(at..at + 8).unwrap_or_default();
    let told = hash(what.as_bytes()).to_be_bytes();
    if bytes.len() == 32 && part(0) == HEAD && part(16) == told && part(24) == mac(part(8), &told) {
        return Ok(());
    }
    Err(invalid("Thought signature is not valid."))
}
