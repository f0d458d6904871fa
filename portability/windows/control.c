/* Stop and reload requests: console events, the service manager (service_run.c) and two named events that other processes set. */
#include "portability/control.h"

#include "portability/clock.h"
#include "portability/windows/control_private.h"

#include <stdatomic.h>

static struct control {
    HANDLE changed; /* set by everything in this process */
    HANDLE asked_stop, asked_reload;
    bool installed;
    bool stop_told;
    atomic_int stops; /* asked for by people */
    atomic_bool stop_requested;
    atomic_bool reload;
} control;

static void signal_change(void) {
    if (control.changed != NULL && !SetEvent(control.changed)) system_fatal("SetEvent", (int)GetLastError());
}

void control_note(control_event_t event) {
    if (event == CONTROL_RELOAD) {
        atomic_store(&control.reload, true);
    } else {
        atomic_fetch_add(&control.stops, 1);
    }
    signal_change();
}

/* On a thread of the system. Where the process ends with the return it waits for the clean end instead; the system limits that. What the
 * system wants is never a second request: closing the console after Ctrl+C must not cut the stop off. */
static BOOL WINAPI on_console(DWORD event) {
    if (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT) {
        control_note(CONTROL_STOP);
        return TRUE;
    }
    if (event == CTRL_LOGOFF_EVENT && service_is_one()) return TRUE;
    if (!service_is_one()) control_request_stop(); /* a service is told of the shutdown by its manager */
    Sleep(INFINITE);
    return TRUE;
}

apr_status_t control_install(void) {
    if (control.installed) return APR_EEXIST;
    control.changed = CreateEventW(NULL, FALSE, FALSE, NULL);
    control.asked_stop = control_event_create(CONTROL_STOP_NAME);
    control.asked_reload = control_event_create(CONTROL_RELOAD_NAME);
    if (control.changed == NULL || control.asked_stop == NULL || control.asked_reload == NULL) return system_error();
    (void)SetConsoleCtrlHandler(NULL, FALSE); /* a starter that ignores Ctrl+C hands that down */
    if (!SetConsoleCtrlHandler(on_console, TRUE)) return system_error();
    apr_status_t status = service_is_one() ? APR_SUCCESS : session_end_watch();
    if (status != APR_SUCCESS) return status;
    control.installed = true;
    if (atomic_load(&control.stops) > 0 || atomic_load(&control.stop_requested)) signal_change();
    return APR_SUCCESS;
}

static control_event_t stop_event(void) {
    bool again = control.stop_told;
    control.stop_told = true;
    return again ? CONTROL_STOP_NOW : CONTROL_STOP;
}

static bool take_stop(void) {
    int count = atomic_load(&control.stops);
    while (count > 0) {
        if (atomic_compare_exchange_weak(&control.stops, &count, count - 1)) return true;
    }
    return false;
}

/* What is there already. A request of our own is no second one: two parts of a server may ask for the same stop. */
static control_event_t take_event(void) {
    if (atomic_exchange(&control.stop_requested, false) && !control.stop_told) return stop_event();
    if (control.asked_stop != NULL && WaitForSingleObject(control.asked_stop, 0) == WAIT_OBJECT_0) return stop_event();
    if (take_stop()) return stop_event();
    if (control.asked_reload != NULL && WaitForSingleObject(control.asked_reload, 0) == WAIT_OBJECT_0) return CONTROL_RELOAD;
    return atomic_exchange(&control.reload, false) ? CONTROL_RELOAD : CONTROL_NONE;
}

/* The named events are taken by the wait itself, so what they mean is noted. */
static void wait_for_event(int64_t wait_us) {
    int64_t real_us = wait_us < 0 ? 0 : system_wait_us(wait_us);
    DWORD ms = wait_us < 0 ? INFINITE : real_us >= INT64_C(86400000000) ? 86400000 : (DWORD)((real_us + 999) / 1000);
    if (!control.installed) {
        Sleep(ms);
        return;
    }
    const HANDLE sources[3] = {control.changed, control.asked_stop, control.asked_reload};
    DWORD which = WaitForMultipleObjects(3, sources, FALSE, ms);
    if (which == WAIT_FAILED) system_fatal("WaitForMultipleObjects", (int)GetLastError());
    if (which == WAIT_OBJECT_0 + 1) atomic_fetch_add(&control.stops, 1);
    if (which == WAIT_OBJECT_0 + 2) atomic_store(&control.reload, true);
}

control_event_t control_wait(int64_t timeout_us) {
    int64_t start = clock_mono_us();
    for (;;) {
        control_event_t event = take_event();
        if (event != CONTROL_NONE) return event;
        int64_t left = timeout_us < 0 ? -1 : timeout_us - (clock_mono_us() - start);
        if (timeout_us >= 0 && left <= 0) return CONTROL_NONE;
        wait_for_event(left);
    }
}

void control_request_stop(void) {
    atomic_store(&control.stop_requested, true);
    signal_change();
}

void control_report(control_state_t state, const char *text) {
    (void)text; /* the service manager shows no words */
    service_report(state);
}
