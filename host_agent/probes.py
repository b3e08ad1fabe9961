def probe(host, parameters, progress): raise NotImplementedError
