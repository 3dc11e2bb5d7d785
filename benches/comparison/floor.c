/* The floor: what receiving a request and sending an answer costs by itself. Nothing is parsed, chosen or logged.
 * It also stands for the application behind the proxies.
 *
 *     floor PORT BODY_BYTES [close]
 *
 * close: each answer ends its connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 65536, AT_ONCE = 256 };

static const int on = 1;
static int epoll;
static int closes;
static char *answer;
static size_t answer_length;
/* By descriptor: how much of an answer has not left yet. */
static size_t unsent[CONNECTIONS];

static void make_answer(size_t body) {
    answer = malloc(body + 200);
    if (!answer) exit(1);
    answer_length = (size_t)sprintf(answer,
                                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                                    "Connection: %s\r\n\r\n",
                                    body, closes ? "close" : "keep-alive");
    memset(answer + answer_length, 'a', body);
    answer_length += body;
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("floor");
        exit(1);
    }
    return listener;
}

static void watch(int fd, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void take_connections(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        unsent[fd] = 0;
        watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    }
}

/* Sends what is left of an answer. False: the connection is at its end. */
static int send_rest(int fd) {
    while (unsent[fd]) {
        ssize_t sent = send(fd, answer + answer_length - unsent[fd], unsent[fd], MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN;
        unsent[fd] -= (size_t)sent;
    }
    return !closes;
}

/* One request at a time: that is all that the clients here do. */
static int serve(int fd) {
    static char request[16384];
    if (unsent[fd]) return send_rest(fd);
    ssize_t got = recv(fd, request, sizeof request, 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return 0;
    if (got < 4 || memcmp(request + got - 4, "\r\n\r\n", 4)) return 1;
    unsent[fd] = answer_length;
    return send_rest(fd);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    closes = argc > 3;
    make_answer(strtoul(argv[2], NULL, 10));
    epoll = epoll_create1(0);
    int listener = listen_on(atoi(argv[1]));
    watch(listener, EPOLLIN);
    for (;;) {
        struct epoll_event ready[AT_ONCE];
        int count = epoll_wait(epoll, ready, AT_ONCE, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener)
                take_connections(listener);
            else if (!serve(fd))
                close(fd);
        }
    }
}
