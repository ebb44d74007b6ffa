"""A FastAPI application behind API Gateway, a load balancer and a function URL."""

import logging
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request, Response
from mangum import Mangum
from pydantic import BaseModel

logging.getLogger().setLevel(logging.INFO)
logger = logging.getLogger("orders")


class Order(BaseModel):
    name: str
    count: int = 1


@asynccontextmanager
async def lifespan(app):
    logger.info("the application starts")
    yield
    logger.info("the application ends")


app = FastAPI(lifespan=lifespan)


@app.get("/orders/{number}")
async def read_order(number: int, request: Request):
    context = request.scope["aws.context"]
    logger.info("order %d", number)
    if number == 404:
        raise HTTPException(404, "no such order")
    return {"number": number, "query": dict(request.query_params), "request_id": context.aws_request_id, "é": "ü"}


@app.post("/orders")
def create_order(order: Order):
    return order


@app.get("/picture")
async def picture():
    response = Response(b"\x89PNG\x00", media_type="image/png")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/broken")
async def broken():
    raise RuntimeError("no database")


handler = Mangum(app)
