"""The application that docs/how-to/web-frameworks.md shows."""

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from mangum import Mangum

app = FastAPI()


@app.get("/orders/{number}")
def read_order(number: int, lang: str = "en"):
    return {"number": number, "lang": lang}


@app.get("/words")
def words():
    return StreamingResponse(iter(["one ", "by ", "one"]), media_type="text/plain")


handler = Mangum(app)
