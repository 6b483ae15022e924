//! Numbers, letters and digits drawn from a seed: the same on every machine.

/// One step of splitmix64: well mixed, and the same on every machine.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a with a final mix.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    mix(bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// `length` letters and digits drawn from `seed`.
pub(crate) fn letters(seed: u64, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = mix(state);
        let place = usize::try_from(state % 62).unwrap_or_default();
        ALPHABET.get(place).copied().map_or('A', char::from)
    })
    .take(length)
    .collect()
}

/// 32 hexadecimal digits drawn from `seed`.
pub(crate) fn hex(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(mix(seed)));
    format!("{high:016x}{low:016x}")
}
