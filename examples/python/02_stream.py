"""An answer as it comes, in asyncio. Leaving the loop cancels the request. Needs OPENAI_API_KEY."""

import asyncio

import lockgate


async def main() -> None:
    async with lockgate.AsyncGateway() as gateway:
        question = [{"role": "user", "content": "count to 20"}]
        stream = await gateway.chat(model="gpt-4o-mini", messages=question, stream=True)
        async for chunk in stream:
            for choice in chunk.choices:
                print(choice.delta.content or "", end="", flush=True)
        print(f"\n${stream.lockgate.cost_usd}")


asyncio.run(main())
