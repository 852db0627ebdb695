// A service that calls itself 50 times a second; each call is a root span with its number.
// By a socket, as an HTTP client would be instrumented too.
import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;

public class Service {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/job", call -> {
            call.sendResponseHeaders(200, -1);
            call.close();
        });
        server.start();
        for (int number = 0; ; number++) {
            String request = "GET /job?number=" + number + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            try (Socket socket = new Socket(server.getAddress().getAddress(), server.getAddress().getPort())) {
                socket.getOutputStream().write(request.getBytes());
                socket.getInputStream().readAllBytes();
            }
            Thread.sleep(20);
        }
    }
}
