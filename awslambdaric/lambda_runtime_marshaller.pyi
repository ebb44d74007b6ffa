from ric.api.marshal import LambdaMarshaller as LambdaMarshaller
from ric.api.marshal import to_json as to_json
