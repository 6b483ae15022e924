"""A FastAPI app that streams: ``uvicorn 06_fastapi_app:app``. Needs OPENAI_API_KEY."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import lockgate
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

gateway = lockgate.AsyncGateway(store="memory", project={"monthly_cap": "20"})


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await gateway.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/ask")
async def ask(question: str, customer: str | None = None) -> StreamingResponse:
    messages = [{"role": "user", "content": question}]
    try:
        stream = await gateway.chat(model="gpt-4o-mini", messages=messages, customer=customer, stream=True)
    except lockgate.Error as refused:
        raise HTTPException(refused.status, refused.message) from refused

    async def text() -> AsyncIterator[str]:
        # A reader that leaves closes this, and so the request upstream.
        async with stream:
            async for chunk in stream:
                for choice in chunk.choices:
                    yield choice.delta.content or ""

    return StreamingResponse(text(), media_type="text/plain")
