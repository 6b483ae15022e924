//! A dense layer, with weights as floats or quantised.

use crate::kernel::{Codes, Kernel};
use crate::lanes::{GROUP, Outputs, PANEL, Sums};

/// Weights in panels of 32 outputs, and what is added.
pub(crate) struct Dense {
    inputs: usize,
    outputs: usize,
    bias: Vec<[f32; PANEL]>,
    weights: Weights,
}

enum Weights {
    /// For each panel: inputs, of each 32 outputs.
    Floats(Vec<f32>),
    /// For each panel: inputs in groups of 4, of each group 32 outputs.
    Codes { panels: Vec<i8>, scales: Vec<[f32; PANEL]>, totals: Vec<[i32; PANEL]> },
}

/// Buffers that a layer needs, kept from one to the next.
#[derive(Default)]
pub(crate) struct Bench {
    codes: Codes,
    spreads: Vec<crate::lanes::Spread>,
    sums: Vec<Sums>,
    products: Vec<[f32; PANEL]>,
}

impl Dense {
    /// A layer of `weight` (for each output its inputs) and `bias`; the counts are multiples of 32 and 4.
    pub(crate) fn new(weight: &[f32], bias: &[f32], kernel: Kernel) -> Dense {
        let outputs = bias.len();
        let inputs = weight.len() / outputs.max(1);
        let (bias, _) = bias.as_chunks::<PANEL>();
        let rows: Vec<&[f32]> = weight.chunks_exact(inputs).collect();
        let weights = if kernel.is_int8() { codes(&rows, inputs) } else { floats(&rows, inputs) };
        Dense { inputs, outputs, bias: bias.to_vec(), weights }
    }

    /// The outputs for each row of `rows`.
    pub(crate) fn forward(&self, rows: &[f32], kernel: Kernel, bench: &mut Bench, out: &mut Vec<f32>) {
        let count = rows.len() / self.inputs;
        // All of it is written below.
        out.resize(count * self.outputs, 0.0);
        match &self.weights {
            Weights::Floats(panels) => {
                let panels = panels.chunks_exact(self.inputs * PANEL).zip(&self.bias).enumerate();
                for (at, (panel, bias)) in panels {
                    bench.products.clear();
                    bench.products.resize(count, *bias);
                    kernel.products(rows, self.inputs, panel, &mut bench.products);
                    for (row, products) in out.chunks_exact_mut(self.outputs).zip(&bench.products) {
                        if let Some(place) = row.as_chunks_mut::<PANEL>().0.get_mut(at) {
                            *place = *products;
                        }
                    }
                }
            }
            Weights::Codes { panels, scales, totals } => {
                bench.codes.bytes.resize(rows.len(), 0);
                bench.spreads.clear();
                let each =
                    rows.chunks_exact(self.inputs).zip(bench.codes.bytes.chunks_exact_mut(self.inputs));
                bench.spreads.extend(each.map(|(row, codes)| kernel.quantise(row, codes)));
                kernel.prepare(&mut bench.codes);
                bench.sums.resize(count, [0; PANEL]);
                let rest = scales.iter().zip(totals).zip(&self.bias);
                let panels = panels.chunks_exact(self.inputs * PANEL).zip(rest).enumerate();
                for (at, (panel, ((scales, totals), bias))) in panels {
                    kernel.sums(&bench.codes, self.inputs, panel, totals, &mut bench.sums);
                    let outputs = Outputs { scales, totals, bias };
                    kernel.dequantise(&bench.sums, &bench.spreads, &outputs, at, out, self.outputs);
                }
            }
        }
    }
}

fn floats(rows: &[&[f32]], inputs: usize) -> Weights {
    let mut panels = Vec::with_capacity(rows.len() * inputs);
    for panel in rows.chunks_exact(PANEL) {
        for input in 0..inputs {
            panels.extend(panel.iter().filter_map(|row| row.get(input)));
        }
    }
    Weights::Floats(panels)
}

/// Each output has a scale of its own: its largest weight is 127.
fn codes(rows: &[&[f32]], inputs: usize) -> Weights {
    let mut panels = Vec::with_capacity(rows.len() * inputs);
    let (mut scales, mut totals) = (Vec::new(), Vec::new());
    for panel in rows.chunks_exact(PANEL) {
        let (mut scale, mut total) = ([0f32; PANEL], [0i32; PANEL]);
        let mut quantised: Vec<Vec<i8>> = Vec::with_capacity(PANEL);
        for ((row, scale), total) in panel.iter().zip(&mut scale).zip(&mut total) {
            let largest = row.iter().fold(f32::MIN_POSITIVE, |most, weight| most.max(weight.abs()));
            *scale = largest / 127.0;
            let row: Vec<i8> = row.iter().map(|weight| (weight / *scale).round_ties_even() as i8).collect();
            *total = row.iter().map(|code| i32::from(*code)).sum();
            quantised.push(row);
        }
        for group in 0..inputs / GROUP {
            for row in &quantised {
                panels.extend(row.iter().skip(group * GROUP).take(GROUP));
            }
        }
        scales.push(scale);
        totals.push(total);
    }
    Weights::Codes { panels, scales, totals }
}
