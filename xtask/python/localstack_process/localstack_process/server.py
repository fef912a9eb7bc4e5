"""LocalStack's own server listens on all interfaces, whatever host GATEWAY_LISTEN names. This one does not."""

from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.serving.twisted import TwistedGateway
from twisted.internet import endpoints, reactor


class LoopbackServer(TwistedRuntimeServer):
    def register(self, gateway, listen, ssl_creds=None):
        site = TwistedGateway(gateway)
        for address in listen:
            endpoints.TCP4ServerEndpoint(reactor, address.port, interface=address.host).listen(site)
