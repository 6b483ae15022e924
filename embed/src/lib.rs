//! all-MiniLM-L6-v2 in process: text in, a normalised vector of 384 numbers out.
//!
//! A BERT of six layers over the model's own `model.safetensors` and `vocab.txt`. The int8 path quantises each output
//! of a layer and each token's activations; its sums are exact integers and its other arithmetic has one order, so that
//! every kernel, and every machine, gives the same vector bit for bit. The f32 path is the reference.
//!
//! A crate of its own, and no part of `lockgate`, so that it is optimised in debug builds, too. It knows nothing of
//! gateways, threads or deadlines.

mod cross_encoder;
mod dense;
mod files;
mod kernel;
mod lane;
mod lanes;
mod layer;
mod minilm;
mod nearest;
mod tensors;
mod wordpiece;

pub use files::{FILES, LoadError, ModelFile, is_model_folder};
pub use kernel::Kernel;
pub use minilm::{DIMENSIONS, Embedded, LONGEST, MiniLm, NAME};
pub use nearest::{Code, cosine, dot, nearest};
pub use wordpiece::WordPiece;
