//! One layer of the model: attention over all tokens, then a dense step for each.

use crate::dense::{Bench, Dense};
use crate::files::LoadError;
use crate::kernel::Kernel;
use crate::lane::LANES;
use crate::lanes::{Head, Keys, PANEL, Scores};
use crate::tensors::Tensors;

/// Numbers for each token.
pub(crate) const WIDTH: usize = 384;
/// Numbers for each token inside the dense step.
const WIDE: usize = 1536;
const HEADS: usize = 12;

/// One layer's weights.
pub(crate) struct Layer {
    /// Queries, keys and values in one step.
    mix: Dense,
    attended: Dense,
    first_norm: Norm,
    widen: Dense,
    narrow: Dense,
    second_norm: Norm,
}

/// A normalisation.
pub(crate) struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// Buffers, kept from layer to layer.
#[derive(Default)]
pub(crate) struct Room {
    bench: Bench,
    mixed: Vec<f32>,
    attended: Vec<f32>,
    more: Vec<f32>,
    wide: Vec<f32>,
    heads: Heads,
}

/// One head's numbers of all tokens.
#[derive(Default)]
struct Heads {
    queries: Vec<Head>,
    keys: Vec<Keys>,
    values: Vec<Head>,
    scores: Vec<Scores>,
    out: Vec<Head>,
}

impl Norm {
    pub(crate) fn load(tensors: Tensors<'_>, name: &str) -> Result<Norm, LoadError> {
        let part = |part: &str| tensors.vector(&format!("{name}.{part}"), WIDTH);
        Ok(Norm { weight: part("weight")?, bias: part("bias")? })
    }

    /// Adds `more` to each row and normalises it.
    pub(crate) fn add(&self, rows: &mut [f32], more: &[f32], kernel: Kernel) {
        for (row, more) in rows.chunks_exact_mut(WIDTH).zip(more.chunks_exact(WIDTH)) {
            kernel.add_norm(row, more, &self.weight, &self.bias);
        }
    }
}

impl Layer {
    pub(crate) fn load(tensors: Tensors<'_>, number: usize, kernel: Kernel) -> Result<Layer, LoadError> {
        let at = format!("encoder.layer.{number}");
        let part = |part: &str, outputs: usize, inputs: usize| {
            let weight = tensors.matrix(&format!("{at}.{part}.weight"), outputs, inputs)?;
            Ok::<_, LoadError>((weight, tensors.vector(&format!("{at}.{part}.bias"), outputs)?))
        };
        let dense = |(weight, bias): (Vec<f32>, Vec<f32>)| Dense::new(&weight, &bias, kernel);
        let (mut mix, mut bias) = part("attention.self.query", WIDTH, WIDTH)?;
        // The root that scores are divided by, once and for all.
        let scale = 1.0 / (PANEL as f32).sqrt();
        mix.iter_mut().chain(&mut bias).for_each(|number| *number *= scale);
        for name in ["attention.self.key", "attention.self.value"] {
            let (weight, more) = part(name, WIDTH, WIDTH)?;
            mix.extend(weight);
            bias.extend(more);
        }
        Ok(Layer {
            mix: dense((mix, bias)),
            attended: dense(part("attention.output.dense", WIDTH, WIDTH)?),
            first_norm: Norm::load(tensors, &format!("{at}.attention.output.LayerNorm"))?,
            widen: dense(part("intermediate.dense", WIDE, WIDTH)?),
            narrow: dense(part("output.dense", WIDTH, WIDE)?),
            second_norm: Norm::load(tensors, &format!("{at}.output.LayerNorm"))?,
        })
    }

    /// Works the layer out for `rows`, in place.
    pub(crate) fn forward(&self, rows: &mut [f32], kernel: Kernel, room: &mut Room) {
        let Room { bench, mixed, attended, more, wide, heads } = room;
        self.mix.forward(rows, kernel, bench, mixed);
        attended.resize(rows.len(), 0.0);
        heads.attend(mixed, kernel, attended);
        self.attended.forward(attended, kernel, bench, more);
        self.first_norm.add(rows, more, kernel);
        self.widen.forward(rows, kernel, bench, wide);
        kernel.gelu(wide);
        self.narrow.forward(wide, kernel, bench, more);
        self.second_norm.add(rows, more, kernel);
    }
}

impl Heads {
    /// The attention of all heads: `mixed` holds queries, keys and values of each token.
    fn attend(&mut self, mixed: &[f32], kernel: Kernel, attended: &mut [f32]) {
        let Heads { queries, keys, values, scores, out } = self;
        let tokens = mixed.len() / (3 * WIDTH);
        keys.resize(tokens.div_ceil(LANES), [[0.0; LANES]; PANEL]);
        scores.resize(keys.len(), Scores::default());
        out.resize(tokens, [0.0; PANEL]);
        for head in 0..HEADS {
            let part = |row: &[f32], part: usize| -> Head {
                row.as_chunks::<PANEL>().0.get(part * HEADS + head).copied().unwrap_or([0.0; PANEL])
            };
            queries.clear();
            values.clear();
            for (block, rows) in keys.iter_mut().zip(mixed.chunks(LANES * 3 * WIDTH)) {
                for (token, row) in rows.chunks_exact(3 * WIDTH).enumerate() {
                    queries.push(part(row, 0));
                    for (numbers, number) in block.iter_mut().zip(part(row, 1)) {
                        if let Some(place) = numbers.get_mut(token) {
                            *place = number;
                        }
                    }
                    values.push(part(row, 2));
                }
            }
            kernel.attend(queries, keys, values, scores, out);
            for (row, numbers) in attended.chunks_exact_mut(WIDTH).zip(out.iter()) {
                if let Some(place) = row.as_chunks_mut::<PANEL>().0.get_mut(head) {
                    *place = *numbers;
                }
            }
        }
    }
}
