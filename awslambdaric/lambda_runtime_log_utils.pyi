from ric.process.logs import JsonFormatter as JsonFormatter
