// A route that streams, with a cap for each customer: `POST(request)` is what Next.js, Hono, Bun and others call; the
// last lines serve it with Node alone, on PORT. Needs OPENAI_API_KEY.

import { createServer } from "node:http";
import { Readable } from "node:stream";

import { Gateway, LockgateError } from "lockgate";

const defaults = { daily_cap: "0.001" };
const gateway = await Gateway.create({ store: "memory", project: { customer_defaults: defaults } });

/** @param {Request} request */
export async function POST(request) {
  const { question } = /** @type {{ question: string }} */ (await request.json());
  const customer = request.headers.get("x-user") ?? "anonymous";
  const messages = [{ role: "user", content: question }];
  try {
    const stream = await gateway.chatStream(
      { model: "gpt-4o-mini", messages, max_tokens: 500 },
      { customer, signal: request.signal },
    );
    const text = async function* () {
      const encoder = new TextEncoder();
      for await (const chunk of stream) yield encoder.encode(chunk.choices[0]?.delta.content ?? "");
    };
    // A reader that leaves ends this, and so the request upstream.
    return new Response(ReadableStream.from(text()), { headers: { "content-type": "text/plain; charset=utf-8" } });
  } catch (error) {
    if (!LockgateError.isInstance(error)) throw error;
    return Response.json({ error: error.message, code: error.code }, { status: error.status });
  }
}

const server = createServer(async (incoming, outgoing) => {
  const leaving = new AbortController();
  outgoing.on("close", () => leaving.abort());
  const headers = { "x-user": String(incoming.headers["x-user"] ?? "anonymous") };
  const body = await new Response(ReadableStream.from(incoming)).text();
  const request = new Request("http://localhost/ask", { method: "POST", headers, body, signal: leaving.signal });
  const response = await POST(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body)
    Readable.fromWeb(/** @type {any} */ (response.body))
      .on("error", () => {})
      .pipe(outgoing);
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`listening on ${JSON.stringify(server.address())}`);
});
process.once("SIGTERM", async () => {
  server.close();
  server.closeAllConnections();
  await gateway.close();
});
