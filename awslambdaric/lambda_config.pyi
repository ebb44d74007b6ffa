from ric.config import LambdaConfigProvider as LambdaConfigProvider
