from ric.errors import FaultException as FaultException
