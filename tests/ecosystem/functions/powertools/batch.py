"""A queue's messages: partial failures, and the standard library's loggers in the format of Powertools."""

import logging

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

logger = Logger(level="INFO")
logging.getLogger("shop").setLevel("INFO")
copy_config_to_registered_loggers(source_logger=logger, include={"shop"})
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def record_handler(record):
    logging.getLogger("shop").info("message %s", record.message_id)
    if record.attributes.approximate_receive_count != "1":
        raise ValueError(record.body)
    return record.body


@logger.inject_lambda_context
def handler(event, context):
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
