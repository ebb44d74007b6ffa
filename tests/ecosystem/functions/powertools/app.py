"""A REST API with the structured logger, metrics and tracer of Powertools, as its documentation shows."""

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics()
tracer = Tracer()
app = APIGatewayRestResolver(enable_validation=True)


@app.get("/orders/<number>")
@tracer.capture_method
def read_order(number: int) -> dict:
    logger.append_keys(order=number)
    logger.info("reading", extra={"é": "ü"})
    metrics.add_metric(name="OrdersRead", unit=MetricUnit.Count, value=1)
    if number == 404:
        raise NotFoundError("no such order")
    tracer.put_annotation("order", number)
    return {"number": number, "lang": app.current_event.query_string_parameters["lang"]}


@app.get("/broken")
@tracer.capture_method
def broken() -> dict:
    logger.warning("about to fail")
    raise RuntimeError("no database")


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST, log_event=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    return app.resolve(event, context)
