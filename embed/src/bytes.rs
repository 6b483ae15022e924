//! Numbers as the model's file has them.

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::files::LoadError;

/// The tensor `name`, which must have `shape`.
pub(crate) fn floats(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
    let malformed = || LoadError::Malformed(format!("tensor {name}"));
    let tensor = tensors.tensor(name).map_err(|_| malformed())?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        return Err(malformed());
    }
    let (numbers, _) = tensor.data().as_chunks::<4>();
    Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
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
