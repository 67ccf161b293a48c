"""The data plane: client and upstream codecs on uvloop + llhttp inside Sanic's server."""
