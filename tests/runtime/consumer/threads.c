/* threads.c: see threads.h. These threads have no Python thread state. */
#include "threads.h"

enum { MAX_THREADS = 16 };

typedef struct {
    void (*callback)(void *context);
    void *context;
} call;

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

typedef HANDLE thread;

static DWORD WINAPI enter(void *arg)
{
    const call *c = arg;
    c->callback(c->context);
    return 0;
}
static bool start(thread *t, call *c) { return (*t = CreateThread(NULL, 0, enter, c, 0, NULL)) != NULL; }
static void join(thread t)
{
    WaitForSingleObject(t, INFINITE);
    CloseHandle(t);
}
#else
#include <pthread.h>

typedef pthread_t thread;

static void *enter(void *arg)
{
    const call *c = arg;
    c->callback(c->context);
    return NULL;
}
static bool start(thread *t, call *c) { return pthread_create(t, NULL, enter, c) == 0; }
static void join(thread t) { pthread_join(t, NULL); }
#endif

int call_on_threads(void (*callback)(void *context), void *context, int threads)
{
    call c = {callback, context};
    thread started[MAX_THREADS];
    int n = 0;
    while (n < threads && n < MAX_THREADS && start(&started[n], &c)) {
        n++;
    }
    for (int i = 0; i < n; i++) {
        join(started[i]);
    }
    return n;
}

void add_in_c(ap_i64 *count, int64_t times)
{
    for (int64_t i = 0; i < times; i++) {
        ap_fetch_add_i64(count, 1);
    }
}
