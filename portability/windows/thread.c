/* Threads, SRWLOCK as mutex, CONDITION_VARIABLE. Both locks are a pointer of plain memory and cannot fail. */
#include "portability/thread.h"

#include "portability/clock.h"
#include "portability/windows/system.h"

#include <assert.h>
#include <process.h>
#include <stdlib.h>

#define NAME_SIZE 16
#define LONGEST_WAIT_US ((int64_t)86400 * 1000000)

static_assert(sizeof(SRWLOCK) <= sizeof(mutex_t), "mutex_t is too small for this system");
static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(condition_t), "condition_t is too small for this system");

struct thread {
    HANDLE handle;
    void (*body)(void *arg);
    void *arg;
};

static SRWLOCK *native_mutex(mutex_t *m) {
    return (SRWLOCK *)(void *)m->opaque;
}

static CONDITION_VARIABLE *native_condition(condition_t *c) {
    return (CONDITION_VARIABLE *)(void *)c->opaque;
}

void mutex_init(mutex_t *m) {
    InitializeSRWLock(native_mutex(m));
}

void mutex_destroy(mutex_t *m) {
    (void)m; /* holds nothing */
}

void mutex_lock(mutex_t *m) {
    AcquireSRWLockExclusive(native_mutex(m));
}

int mutex_try_lock(mutex_t *m) {
    return TryAcquireSRWLockExclusive(native_mutex(m)) ? 1 : 0;
}

void mutex_unlock(mutex_t *m) {
    ReleaseSRWLockExclusive(native_mutex(m));
}

void condition_init(condition_t *c) {
    InitializeConditionVariable(native_condition(c));
}

void condition_destroy(condition_t *c) {
    (void)c;
}

void condition_wait(condition_t *c, mutex_t *m) {
    if (!SleepConditionVariableSRW(native_condition(c), native_mutex(m), INFINITE, 0)) system_fatal("condition_wait", (int)GetLastError());
}

/* Milliseconds that cover `us`, at least one. */
static DWORD wait_ms(int64_t us) {
    if (us > LONGEST_WAIT_US) us = LONGEST_WAIT_US;
    return us <= 0 ? 0 : (DWORD)((us + 999) / 1000);
}

apr_status_t condition_wait_us(condition_t *c, mutex_t *m, int64_t timeout_us) {
    int64_t now = clock_mono_us();
    int64_t end = timeout_us <= 0 ? now : timeout_us > INT64_MAX - now ? INT64_MAX : now + timeout_us;
    for (int64_t left = end - now;; left = end - clock_mono_us()) {
        if (SleepConditionVariableSRW(native_condition(c), native_mutex(m), wait_ms(system_wait_us(left)), 0)) return APR_SUCCESS;
        if (GetLastError() != ERROR_TIMEOUT) system_fatal("condition_wait_us", (int)GetLastError());
        if (clock_mono_us() >= end) return APR_TIMEUP; /* the system's own time-out may be early */
    }
}

void condition_signal(condition_t *c) {
    WakeConditionVariable(native_condition(c));
}

void condition_broadcast(condition_t *c) {
    WakeAllConditionVariable(native_condition(c));
}

static unsigned __stdcall run_thread(void *arg) {
    thread_t *t = arg;
    t->body(t->arg);
    return 0;
}

/* For debuggers only; systems before Windows 10 1607 do not have it. */
static void show_name(HANDLE thread, const char *name) {
    typedef HRESULT(WINAPI * describe_fn)(HANDLE, PCWSTR);
    HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
    describe_fn describe = kernel == NULL ? NULL : (describe_fn)(void *)GetProcAddress(kernel, "SetThreadDescription");
    if (describe == NULL) return;
    wchar_t wide[NAME_SIZE] = L"";
    for (int i = 0; i < NAME_SIZE - 1 && name[i] != 0; i++) wide[i] = (wchar_t)(unsigned char)name[i];
    (void)describe(thread, wide);
}

apr_status_t thread_start(thread_t **out, const char *name, void (*body)(void *arg), void *arg) {
    thread_t *t = system_alloc(sizeof *t);
    t->body = body;
    t->arg = arg;
    t->handle = (HANDLE)_beginthreadex(NULL, 0, run_thread, t, CREATE_SUSPENDED, NULL);
    if (t->handle == NULL) {
        free(t);
        return APR_EAGAIN;
    }
    show_name(t->handle, name);
    if (ResumeThread(t->handle) == (DWORD)-1) system_fatal("ResumeThread", (int)GetLastError());
    *out = t;
    return APR_SUCCESS;
}

void thread_join(thread_t *t) {
    if (WaitForSingleObject(t->handle, INFINITE) != WAIT_OBJECT_0) system_fatal("thread_join", (int)GetLastError());
    CloseHandle(t->handle);
    free(t);
}

void thread_sleep_us(int64_t us) {
    int64_t end = clock_mono_us() + us;
    for (int64_t left = us; left > 0; left = end - clock_mono_us()) Sleep(wait_ms(system_wait_us(left)));
}
