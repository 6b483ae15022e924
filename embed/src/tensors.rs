//! Numbers as a file has them, and with what was learned on top.

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::files::LoadError;

/// The tensors of the model; with `changes`, of another model that was made from it.
#[derive(Clone, Copy)]
pub(crate) struct Tensors<'a> {
    pub(crate) model: &'a SafeTensors<'a>,
    /// To be added: vectors whole, a matrix as the product of a high and a wide one (`NAME.high`, `NAME.wide`), a low
    /// rank between them (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021).
    pub(crate) changes: Option<&'a SafeTensors<'a>>,
}

impl Tensors<'_> {
    /// The vector `name` of `length` numbers.
    pub(crate) fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, LoadError> {
        let mut numbers = floats(self.model, name, &[length])?;
        if let Some(changes) = self.changes {
            let more = halves(changes, name, &[length])?;
            numbers.iter_mut().zip(more).for_each(|(number, more)| *number += more);
        }
        Ok(numbers)
    }

    /// The matrix `name`: for each of `outputs` its `inputs`.
    pub(crate) fn matrix(&self, name: &str, outputs: usize, inputs: usize) -> Result<Vec<f32>, LoadError> {
        let mut numbers = floats(self.model, name, &[outputs, inputs])?;
        let Some(changes) = self.changes else { return Ok(numbers) };
        let (high, wide) = (format!("{name}.high"), format!("{name}.wide"));
        let rank = changes.tensor(&high).ok().and_then(|tensor| tensor.shape().get(1).copied()).unwrap_or(0);
        let high = halves(changes, &high, &[outputs, rank])?;
        let wide = halves(changes, &wide, &[rank, inputs])?;
        for (row, parts) in numbers.chunks_exact_mut(inputs).zip(high.chunks_exact(rank.max(1))) {
            for (part, direction) in parts.iter().zip(wide.chunks_exact(inputs)) {
                row.iter_mut().zip(direction).for_each(|(number, more)| *number += part * more);
            }
        }
        Ok(numbers)
    }
}

/// The tensor `name`, which must have `shape`.
pub(crate) fn floats(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
    let (numbers, _) = data(tensors, name, Dtype::F32, shape)?.as_chunks::<4>();
    Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// The tensor `name` of half floats (bfloat16), which must have `shape`.
pub(crate) fn halves(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
    let (numbers, _) = data(tensors, name, Dtype::BF16, shape)?.as_chunks::<2>();
    Ok(numbers.iter().map(|bytes| whole(u16::from_le_bytes(*bytes))).collect())
}

fn data<'a>(
    tensors: &SafeTensors<'a>,
    name: &str,
    kind: Dtype,
    shape: &[usize],
) -> Result<&'a [u8], LoadError> {
    let malformed = || LoadError::Malformed(format!("tensor {name}"));
    let tensor = tensors.tensor(name).map_err(|_| malformed())?;
    if tensor.dtype() != kind || tensor.shape() != shape {
        return Err(malformed());
    }
    Ok(tensor.data())
}

/// The upper half of a float, rounded: half the memory, and enough for what is normalised afterwards.
pub(crate) fn halved(number: f32) -> u16 {
    let bits = number.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    (rounded >> 16) as u16
}

/// The float that [`halved`] made smaller.
pub(crate) fn whole(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_float_keeps_eight_bits() {
        for number in [0.0, 1.0, -1.0, 0.1, -3.25, 1e-8, 123.456, -0.000_71] {
            let kept = whole(halved(number));
            assert!((kept - number).abs() <= number.abs() / 256.0, "{number} became {kept}");
        }
        assert_eq!(whole(halved(1.5)), 1.5);
    }
}
