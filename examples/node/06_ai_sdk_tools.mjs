// A tool loop of the Vercel AI SDK under a spend cap, over chat completions and over responses.
// Needs OPENAI_API_KEY, and `npm install ai @ai-sdk/openai zod`.

import { createOpenAI } from "@ai-sdk/openai";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { Gateway } from "lockgate";
import { z } from "zod";

const gateway = await Gateway.create({ store: "memory", project: { monthly_cap: 1 } });
const openai = createOpenAI({ apiKey: "unused", fetch: gateway.fetch });
const weather = tool({
  description: "Tells the weather of a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `It is sunny in ${city}.`,
});

for (const model of [openai.chat("gpt-4o-mini"), openai.responses("gpt-4o-mini")]) {
  const { text, steps } = await generateText({
    model,
    prompt: "What is the weather in Paris?",
    tools: { weather },
    stopWhen: stepCountIs(5),
  });
  const results = steps.flatMap((step) => step.toolResults.map((result) => result.output));
  console.log(`${model.provider}: ${steps.length} steps; ${results.join(" ")} ${text}`);
}

const { textStream } = streamText({ model: openai("gpt-4o-mini"), prompt: "count to 20" });
for await (const piece of textStream) process.stdout.write(piece);
await gateway.flush();
const [total] = await gateway.usage();
console.log(`\n${total?.requests} calls for $${((total?.cost ?? 0) / 1e9).toFixed(6)}`);
await gateway.close();
