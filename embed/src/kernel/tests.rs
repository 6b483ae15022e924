//! Each lane against plain Rust.

use super::*;
use crate::lane::LANES;

/// Numbers without a pattern, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 29)
    }

    fn float(&mut self) -> f32 {
        (self.next() % 20_001) as f32 / 2_500.0 - 4.0
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.float()).collect()
    }

    /// From -127 to 127, often at the ends.
    fn weight(&mut self) -> i8 {
        match self.next() % 8 {
            0 => -127,
            1 => 127,
            _ => (self.next() % 255) as u8 as i8 as i16 as i8,
        }
        .max(-127)
    }
}

fn others() -> Vec<Kernel> {
    Kernel::available().into_iter().filter(|kernel| *kernel != Kernel::SCALAR).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[test]
fn a_kernel_is_known_by_its_name() {
    for kernel in Kernel::available() {
        assert_eq!(Kernel::named(kernel.name()), Some(kernel));
    }
    assert_eq!(Kernel::named("mmx"), None);
    assert!(Kernel::available().contains(&Kernel::best()) && Kernel::best().is_int8());
}

#[test]
fn every_lane_sums_as_plain_rust_does() {
    let mut noise = Noise(1);
    for rows in 1..=19 {
        for inputs in [4, 8, 60, 384, 900, 1536] {
            let codes: Vec<u8> = (0..rows * inputs)
                .map(|_| match noise.next() % 8 {
                    0 => 1,
                    1 => 255,
                    _ => (1 + noise.next() % 255) as u8,
                })
                .collect();
            let panel: Vec<i8> = (0..inputs * PANEL).map(|_| noise.weight()).collect();
            let mut totals = [0; PANEL];
            for group in panel.chunks_exact(PANEL * 4) {
                for (total, weights) in totals.iter_mut().zip(group.chunks_exact(4)) {
                    *total += weights.iter().map(|weight| i32::from(*weight)).sum::<i32>();
                }
            }
            // Written down once more, without lanes.
            let mut expected = vec![[0i32; PANEL]; rows];
            for row in 0..rows {
                for input in 0..inputs {
                    for output in 0..PANEL {
                        let weight = panel[input / 4 * PANEL * 4 + output * 4 + input % 4];
                        let code = i32::from(codes[row * inputs + input]) - 128;
                        expected[row][output] += code * i32::from(weight);
                    }
                }
            }
            for kernel in Kernel::available() {
                let mut found = vec![[7i32; PANEL]; rows];
                let mut codes = Codes { bytes: codes.clone(), ..Codes::default() };
                kernel.prepare(&mut codes);
                kernel.sums(&codes, inputs, &panel, &totals, &mut found);
                assert_eq!(found, expected, "{} with {rows} rows of {inputs}", kernel.name());
            }
        }
    }
}

#[test]
fn every_other_step_gives_the_same_bits() {
    let mut noise = Noise(2);
    for count in [32, 384, 1536] {
        let row = noise.floats(count);
        let (more, weight, bias) = (noise.floats(count), noise.floats(count), noise.floats(count));
        let (mut gelu, mut norm) = (row.clone(), row.clone());
        lanes::gelu::<Plain>(&mut gelu);
        lanes::add_norm::<Plain>(&mut norm, &more, &weight, &bias);
        let mut codes = vec![0; count];
        let spread = lanes::quantise::<Plain>(&row, &mut codes);
        for kernel in others() {
            let mut found = row.clone();
            kernel.gelu(&mut found);
            assert_eq!(bits(&found), bits(&gelu), "gelu, {}", kernel.name());
            let mut found = row.clone();
            kernel.add_norm(&mut found, &more, &weight, &bias);
            assert_eq!(bits(&found), bits(&norm), "add_norm, {}", kernel.name());
            let mut found = vec![0; count];
            assert_eq!(kernel.quantise(&row, &mut found), spread, "quantise, {}", kernel.name());
            assert_eq!(found, codes, "quantise, {}", kernel.name());
        }
    }
}

#[test]
fn attention_gives_the_same_bits_and_is_attention() {
    let mut noise = Noise(3);
    for tokens in [1usize, 5, 16, 33] {
        let room = tokens.div_ceil(LANES);
        let mut head = || -> Head { noise.floats(PANEL).try_into().unwrap() };
        let queries: Vec<Head> = (0..tokens).map(|_| head()).collect();
        let of: Vec<Head> = (0..tokens).map(|_| head()).collect();
        let values: Vec<Head> = (0..tokens).map(|_| head()).collect();
        let mut keys = vec![[[0.0; LANES]; PANEL]; room];
        for (token, key) in of.iter().enumerate() {
            for (dimension, number) in key.iter().enumerate() {
                keys[token / LANES][dimension][token % LANES] = *number;
            }
        }
        let mut scores = vec![Scores::default(); room];
        let mut expected = vec![[0.0; PANEL]; tokens];
        lanes::attend::<Plain>(&queries, &keys, &values, &mut scores, &mut expected);
        for kernel in others() {
            let mut found = vec![[1.0; PANEL]; tokens];
            kernel.attend(&queries, &keys, &values, &mut scores, &mut found);
            assert_eq!(bits(found.as_flattened()), bits(expected.as_flattened()), "{}", kernel.name());
        }
        for (query, expected) in queries.iter().zip(&expected) {
            let dot = |key: &Head| -> f64 {
                query.iter().zip(key).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let scores: Vec<f64> = of.iter().map(dot).collect();
            let high = scores.iter().fold(f64::MIN, |a, b| a.max(*b));
            let total: f64 = scores.iter().map(|score| (score - high).exp()).sum();
            for (dimension, found) in expected.iter().enumerate() {
                let weighed = scores
                    .iter()
                    .zip(&values)
                    .map(|(score, value)| (score - high).exp() / total * f64::from(value[dimension]));
                assert!((weighed.sum::<f64>() - f64::from(*found)).abs() < 1e-4);
            }
        }
    }
}

#[test]
fn dense_steps_give_the_same_bits() {
    let mut noise = Noise(4);
    let (rows, panel) = (noise.floats(3 * 384), noise.floats(384 * PANEL));
    let mut expected = vec![[0.5; PANEL]; 3];
    lanes::products::<Plain>(&rows, 384, &panel, &mut expected);
    let sums: [Sums; 3] = std::array::from_fn(|_| std::array::from_fn(|_| noise.next() as i32 >> 6));
    let totals = std::array::from_fn(|_| noise.next() as i32 >> 12);
    let (scales, bias): ([f32; PANEL], [f32; PANEL]) =
        (std::array::from_fn(|_| noise.float()), std::array::from_fn(|_| noise.float()));
    let outputs = Outputs { scales: &scales, totals: &totals, bias: &bias };
    let spreads = [(0.013, -17.0), (1.5, 0.0), (0.2, 90.0)].map(|(scale, zero)| Spread { scale, zero });
    let mut numbers = [7.0; 6 * PANEL];
    lanes::dequantise::<Plain>(&sums, &spreads, &outputs, 1, &mut numbers, 2 * PANEL);
    for (row, numbers) in numbers.chunks_exact(2 * PANEL).enumerate() {
        assert_eq!(numbers[..PANEL], [7.0; PANEL], "another panel's place");
        for (at, number) in numbers[PANEL..].iter().enumerate() {
            let Spread { scale, zero } = spreads[row];
            let whole = sums[row][at] as f32 + zero * totals[at] as f32;
            assert_eq!(*number, whole * (scale * scales[at]) + bias[at]);
        }
    }
    let codes: Vec<i8> = (0..384 * 9).map(|_| noise.weight()).collect();
    let mut dots = vec![0; 8];
    lanes::dots(&codes[..384], &codes[384..], &mut dots);
    let plain = |at: usize| (0..384).map(|i| i32::from(codes[i]) * i32::from(codes[384 * at + i])).sum();
    assert_eq!(dots, (1..9).map(plain).collect::<Vec<i32>>());
    for kernel in others() {
        let mut found = vec![[0.5; PANEL]; 3];
        kernel.products(&rows, 384, &panel, &mut found);
        assert_eq!(bits(found.as_flattened()), bits(expected.as_flattened()), "{}", kernel.name());
        let mut found = [7.0; 6 * PANEL];
        kernel.dequantise(&sums, &spreads, &outputs, 1, &mut found, 2 * PANEL);
        assert_eq!(bits(&found), bits(&numbers), "{}", kernel.name());
        let mut found = vec![0; 8];
        kernel.dots(&codes[..384], &codes[384..], &mut found);
        assert_eq!(found, dots, "{}", kernel.name());
    }
}
