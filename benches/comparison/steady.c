/* A steady load: so many requests a second over kept connections, whatever the server does. Prints as JSON how many
 * were answered and the 99th percentile of the time from when a request was due to its answer: a request that has to
 * wait for a free connection waits, too.
 *
 *     steady PORT PATH RATE SECONDS
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64, MOST = 1 << 16, LONGEST = 1 << 20 };

static int fds[CONNECTIONS], waiting[CONNECTIONS], idle[CONNECTIONS], idles;
static double due_at[CONNECTIONS];
static unsigned times[LONGEST]; /* how many answers took so many microseconds */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *why)
{
    perror(why);
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: steady PORT PATH RATE SECONDS\n");
        return 2;
    }
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    char request[512];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
    int events = epoll_create1(0), one = 1;
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[i] < 0 || connect(fds[i], (struct sockaddr *) &to, sizeof to))
            fail("connect");
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
        epoll_ctl(events, EPOLL_CTL_ADD, fds[i], &event);
        idle[idles++] = i;
    }
    static char answer[MOST];
    double start = now(), warm = start + 1, end = warm + seconds, due = start;
    unsigned long answered = 0;
    for (double time = start; time < end; time = now()) {
        for (; idles && due <= time; due += 1 / rate) {
            int i = idle[--idles];
            due_at[i] = due;
            waiting[i] = 1;
            if (write(fds[i], request, length) != length)
                fail("write");
        }
        struct epoll_event ready[CONNECTIONS];
        int n = epoll_wait(events, ready, CONNECTIONS, 0);
        for (int k = 0; k < n; k++) {
            int i = ready[k].data.u32;
            ssize_t got = read(fds[i], answer, MOST);
            if (got <= 0 || !waiting[i] || memcmp(answer, "HTTP/1.1 200", got < 12 ? got : 12))
                fail("no answer");
            /* The answers are small: they come in one piece. */
            waiting[i] = 0;
            idle[idles++] = i;
            double late = now();
            if (due_at[i] < warm)
                continue;
            long us = (late - due_at[i]) * 1e6;
            times[us < 0 ? 0 : us < LONGEST ? us : LONGEST - 1]++;
            answered++;
        }
    }
    unsigned long seen = 0, us = 0;
    while (us < LONGEST - 1 && (seen += times[us]) < answered * 0.99)
        us++;
    printf("{\"answered\": %lu, \"p99_ms\": %f}\n", answered, us / 1e3);
    return answered == 0;
}
