/* The limit: the same bytes over the same socket calls, and nothing else. ping_pong HOST PORT
 *
 * Asks for an event, posts its body back, reads the answer, for ever. It looks for the end of heads and for
 * Content-Length, which no client can do without; the request id is not looked at.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[8 * 1024 * 1024];
static const char next_request[] =
    "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: aws-lambda-python/3.11.7-0.1.0\r\n\r\n";

/* Reads one message; returns where its body begins, and its length through `length`. */
static size_t read_message(int connection, size_t *length) {
    size_t filled = 0;
    char *end = NULL;
    while (!end) {
        ssize_t count = recv(connection, buffer + filled, sizeof buffer - filled - 1, 0);
        if (count <= 0) exit(0);
        filled += (size_t)count;
        buffer[filled] = 0;
        end = strstr(buffer, "\r\n\r\n");
    }
    char *field = strstr(buffer, "Content-Length: ");
    *length = field && field < end ? (size_t)strtoul(field + 16, NULL, 10) : 0;
    size_t start = (size_t)(end + 4 - buffer);
    while (filled < start + *length) {
        ssize_t count = recv(connection, buffer + filled, start + *length - filled, MSG_WAITALL);
        if (count <= 0) exit(0);
        filled += (size_t)count;
    }
    return start;
}

static void send_all(int connection, struct iovec *parts, int count) {
    while (count) {
        ssize_t sent = writev(connection, parts, count);
        if (sent < 0) exit(0);
        while (count && (size_t)sent >= parts->iov_len) {
            sent -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= (size_t)sent;
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int connection = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &address.sin_addr);
    if (connect(connection, (struct sockaddr *)&address, sizeof address)) return 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (;;) {
        char head[512];
        size_t length;
        struct iovec request = {(char *)next_request, sizeof next_request - 1};
        send_all(connection, &request, 1);
        size_t start = read_message(connection, &length);
        int head_length = snprintf(head, sizeof head,
            "POST /2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response HTTP/1.1\r\n"
            "Host: 127.0.0.1\r\nUser-Agent: aws-lambda-python/3.11.7-0.1.0\r\nContent-Type: application/json\r\n"
            "Content-Length: %zu\r\n\r\n", length);
        struct iovec parts[2] = {{head, (size_t)head_length}, {buffer + start, length}};
        send_all(connection, parts, 2);
        read_message(connection, &length);
    }
}
