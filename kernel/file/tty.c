// SPDX-License-Identifier: MIT
//
// The terminal on the console: reading, writing and polling it. Its control calls are in
// tty_control.c, what lies between keys and bytes in line_discipline.c.
//
// There is one terminal and so one session that has it as its controlling terminal: membership is
// a comparison of session numbers, and setsid() leaves it without further ado.
#include "kernel/driver/console.h"
#include "kernel/driver/log.h"
#include "kernel/driver/serial.h" // tty_input()
#include "kernel/driver/debugcon.h"
#include "kernel/driver/window_size.h"
#include "kernel/file/device.h"
#include "kernel/file/files.h"
#include "kernel/file/poll.h"
#include "kernel/file/stream.h"
#include "kernel/file/tty_internal.h"
#include "kernel/machine/cpu.h"
#include "kernel/machine/irq.h"
#include "kernel/machine/timer.h"
#include "kernel/options.h"
#include "kernel/process/scheduler.h"
#include "kernel/process/task.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <asm/siginfo.h>
#include <linux/fcntl.h>
#include <linux/poll.h>

#define CHUNK      256         // bytes on the stack on their way through
#define DECISECOND 100000000ul // VTIME's unit, in nanoseconds

struct tty tty;

static bool input_is_stream(void)
{
	return options.console == CONSOLE_RAW || options.stdin_framed;
}

// ---- the line discipline's side; tty.lock is held ----
static void line_host_output(struct line *line, const uint8_t *bytes, size_t count)
{
	(void)line;
	console_echo(bytes, count);
}

static void line_host_signal(struct line *line, int signal)
{
	struct signal_info info = {.signal = signal, .code = SI_KERNEL};

	(void)line;
	if (tty.foreground)
		signal_send_group(tty.foreground, &info);
}

static const struct line_host line_host = {
	.output = line_host_output,
	.signal = line_host_signal,
};

int tty_start(void)
{
	line_init(&tty.line, &line_host);
	wait_queue_init(&tty.readable);
	wait_queue_init(&tty.started);
	sleep_lock_init(&tty.reader);
	sleep_lock_init(&tty.writer);
	tty.size.ws_row = options.rows;
	tty.size.ws_col = options.columns;
	// Process 1 leads session 1. Between files and pipes nobody has a terminal.
	tty.session = input_is_stream() ? 0 : 1;
	tty.foreground = tty.session;
	stream_start(options.stdin_framed, options.stdin_empty);
	console_start_input();
	window_size_start();
	// tools/run sends nothing before this line: firmware reads the port too, and a UART drops
	// what it holds when its FIFO is switched on.
	log_line("faultline: console ready");
	return 0;
}

// From a driver, which holds its input lock.
size_t tty_input(const uint8_t *bytes, size_t count)
{
	size_t taken = 0;

	if (input_is_stream())
		return stream_input(bytes, count);
	spin_lock(&tty.lock);
	while (taken < count && line_receive(&tty.line, bytes[taken]))
		taken++;
	spin_unlock(&tty.lock);
	wake_all(&tty.readable);
	wake_all(&tty.started);
	return taken;
}

// ---- job control ----
struct tty_owner tty_owner(void)
{
	uint64_t flags = spin_lock_irqsave(&tty.lock);
	struct tty_owner owner = {tty.session, tty.foreground};

	spin_unlock_irqrestore(&tty.lock, flags);
	return owner;
}

int tty_foreground_of(int session)
{
	struct tty_owner owner = tty_owner();

	return session == owner.session ? owner.foreground : 0;
}

void tty_session_ended(int session)
{
	struct signal_info hangup = {.signal = SIGHUP, .code = SI_KERNEL};
	uint64_t flags = spin_lock_irqsave(&tty.lock);
	int group = 0;

	if (tty.session == session) {
		group = tty.foreground;
		tty.session = 0;
		tty.foreground = 0;
	}
	spin_unlock_irqrestore(&tty.lock, flags);
	if (group)
		signal_send_group(group, &hangup);
}

int tty_check_background(int signal)
{
	struct process *process = current_process();
	struct tty_owner owner = tty_owner();
	struct signal_info info = {.signal = signal, .code = SI_KERNEL};

	if (process->session != owner.session || process->group == owner.foreground)
		return 0;
	if (signal_blocked_or_ignored(signal))
		return signal == SIGTTIN ? -EIO : 0;
	signal_send_group(process->group, &info);
	return -ERESTARTSYS;
}

// ---- reading ----
static bool can_read(void *unused)
{
	uint64_t flags = spin_lock_irqsave(&tty.lock);
	bool ready = line_available(&tty.line) > 0;

	(void)unused;
	spin_unlock_irqrestore(&tty.lock, flags);
	return ready;
}

// What the settings say about how long a read waits.
struct patience {
	bool lines;       // ICANON
	size_t minimum;   // VMIN
	uint64_t timeout; // VTIME, ns
};

static struct patience get_patience(void)
{
	uint64_t flags = spin_lock_irqsave(&tty.lock);
	const struct termios *settings = &tty.line.settings;
	struct patience patience = {
		.lines = settings->c_lflag & ICANON,
		.minimum = settings->c_cc[VMIN],
		.timeout = settings->c_cc[VTIME] * DECISECOND,
	};

	spin_unlock_irqrestore(&tty.lock, flags);
	return patience;
}

// Moves out what is there. Bytes moved or -EFAULT; *done: the line is complete.
static long take_bytes(struct io *io, bool *done)
{
	uint8_t bytes[CHUNK];
	long total = 0;

	*done = false;
	while (io->left && !*done) {
		size_t step = io->left < CHUNK ? io->left : CHUNK;
		uint64_t flags = spin_lock_irqsave(&tty.lock);
		size_t count = line_read(&tty.line, bytes, step, done);

		spin_unlock_irqrestore(&tty.lock, flags);
		if (count == 0)
			break;
		console_poll_input();
		total += (long)count;
		if (io_to(io, bytes, count) < count)
			return -EFAULT;
	}
	return total;
}

// Sleeps until there may be more. 0, or why the read ends: -EAGAIN, -ETIMEDOUT, -ERESTARTSYS.
static int wait_for_input(struct file *file, const struct patience *patience, bool some)
{
	uint64_t deadline = WAIT_FOREVER;

	if (!patience->lines && patience->minimum == 0 && patience->timeout == 0)
		return -ETIMEDOUT;
	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	// With VMIN the timer runs between bytes, without it from the start.
	if (!patience->lines && patience->timeout && (some || patience->minimum == 0))
		deadline = clock_monotonic() + patience->timeout;
	return wait_until_deadline(&tty.readable, can_read, NULL, deadline);
}

static long read_locked(struct file *file, struct io *io)
{
	struct patience patience = get_patience();
	long total = 0;

	for (;;) {
		bool done;
		long moved = take_bytes(io, &done);
		int result;

		if (moved < 0)
			return moved;
		total += moved;
		if (done || io->left == 0)
			return total;
		if (total && (patience.lines || (size_t)total >= patience.minimum))
			return total;
		result = wait_for_input(file, &patience, total > 0);
		if (result)
			return total || result == -ETIMEDOUT ? total : result;
	}
}

static long tty_read(struct file *file, struct io *io, uint64_t *offset)
{
	long result;

	(void)offset;
	if (io->left == 0)
		return 0;
	result = tty_check_background(SIGTTIN);
	if (result == 0)
		result = sleep_lock_take(&tty.reader);
	if (result)
		return result;
	result = read_locked(file, io);
	sleep_lock_release(&tty.reader);
	return result;
}

// ---- writing ----
static bool not_stopped(void *unused)
{
	(void)unused;
	return !__atomic_load_n(&tty.line.stopped, __ATOMIC_RELAXED);
}

static void write_chunk(const uint8_t *bytes, size_t count)
{
	while (count) {
		uint8_t out[CHUNK];
		size_t used;
		uint64_t flags = spin_lock_irqsave(&tty.lock);
		size_t length = line_output(&tty.line, bytes, count, out, sizeof(out), &used);

		spin_unlock_irqrestore(&tty.lock, flags);
		console_write(out, length);
		bytes += used;
		count -= used;
	}
}

static long write_all(struct file *file, struct io *io)
{
	uint8_t bytes[CHUNK];
	long total = 0;

	while (io->left) {
		size_t step = io->left < CHUNK ? io->left : CHUNK;
		size_t moved;
		int result = 0;

		if (!not_stopped(NULL))
			result = file->flags & O_NONBLOCK
					 ? -EAGAIN
					 : wait_until(&tty.started, not_stopped, NULL);
		if (result)
			return total ? total : result;
		moved = io_from(io, bytes, step);
		write_chunk(bytes, moved);
		total += (long)moved;
		if (moved < step)
			return total ? total : -EFAULT;
		if (this_cpu()->work & WORK_RESCHED)
			schedule();
		if (io->left && signal_pending())
			break;
	}
	return total;
}

static int take_writer(const struct file *file)
{
	if (file->flags & O_NONBLOCK)
		return sleep_lock_try(&tty.writer) ? 0 : -EAGAIN;
	return sleep_lock_take(&tty.writer);
}

static long tty_write(struct file *file, struct io *io, uint64_t *offset)
{
	long result = 0;

	(void)offset;
	if (__atomic_load_n(&tty.line.settings.c_lflag, __ATOMIC_RELAXED) & TOSTOP)
		result = tty_check_background(SIGTTOU);
	if (result == 0)
		result = take_writer(file);
	if (result)
		return result;
	result = write_all(file, io);
	sleep_lock_release(&tty.writer);
	return result;
}

static unsigned tty_poll(struct file *file, struct poll_table *table)
{
	unsigned events = POLLOUT | POLLWRNORM;

	(void)file;
	poll_wait(table, &tty.readable);
	if (can_read(NULL))
		events |= POLLIN | POLLRDNORM;
	return events;
}

static const struct file_ops tty_ops = {
	.read = tty_read,
	.write = tty_write,
	.ioctl = tty_ioctl,
	.poll = tty_poll,
};

int tty_open(struct inode *inode, unsigned flags, struct file **file)
{
	// /dev/tty is the caller's own terminal, if it has one.
	if (inode->special == TTY_CURRENT && current_process()->session != tty_owner().session)
		return -ENXIO;
	*file = file_create(&tty_ops, inode_get(inode), flags);
	if (*file)
		return 0;
	inode_put(inode);
	return -ENOMEM;
}

// ---- descriptors 0, 1 and 2 ----
static int open_console(struct file **file)
{
	return file_open(root_inode, "/dev/console", O_RDWR, 0, file);
}

int tty_open_standard(unsigned descriptor, struct file **file)
{
	bool errors_apart = input_is_stream() && debugcon_present(DEBUGCON_ERRORS);

	switch (descriptor) {
	case 0:
		return input_is_stream() ? stream_open_input(file) : open_console(file);
	case 1:
		return options.console == CONSOLE_RAW ? stream_open_output(STREAM_CONSOLE, file)
						      : open_console(file);
	default:
		if (errors_apart)
			return stream_open_output(STREAM_ERRORS, file);
		return tty_open_standard(1, file);
	}
}

int files_open_standard(struct files *files)
{
	for (unsigned descriptor = 0; descriptor < 3; descriptor++) {
		struct file *file;
		int result = tty_open_standard(descriptor, &file);

		if (result)
			return result;
		result = files_install(files, file, descriptor, FILES_INLINE, false);
		if (result < 0) {
			file_put(file);
			return result;
		}
	}
	return 0;
}
