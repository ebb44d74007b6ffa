"""A Flask application."""

from flask import Flask, Response, abort, jsonify, request

app = Flask(__name__)


@app.get("/orders/<int:number>")
def read_order(number):
    if number == 404:
        abort(404)
    app.logger.warning("order %d", number)
    return jsonify(number=number, query=request.args.to_dict(), agent=request.headers.get("User-Agent"), word="é")


@app.post("/orders")
def create_order():
    return request.get_json(), 201, {"Location": "/orders/1"}


@app.get("/picture")
def picture():
    response = Response(b"\x89PNG\x00", mimetype="image/png")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/broken")
def broken():
    raise RuntimeError("no database")
