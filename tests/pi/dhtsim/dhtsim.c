// SPDX-License-Identifier: GPL-2.0-only
/*
 * dhtsim: a DHT22 that is not there, on a GPIO line that is not there.
 *
 * It brings a GPIO chip with one line and, on that line, a sensor: whoever pulls the line low for at least
 * 800 us and lets it go is answered with 40 bits in pulses, as a DHT22 does it (its data sheet, "AM2302").
 * The kernel's own dht11 driver is bound to that line; it does not know the difference. Every pulse edge is a
 * timer's interrupt of its own, as with the real line.
 *
 * What it measures and what is wrong with it are module parameters, changeable at run time:
 *
 *   temperature   in tenths of a degree Celsius; below zero too
 *   humidity      in tenths of a percent
 *   fault         none, silent, checksum, truncated or flipped
 *   faulty        so many answers have the fault, then it is none; -1: all
 *   answers       how often it was asked (to read)
 *   late_ns       by how much the latest edge of all came late (write 0 to begin anew)
 *
 * "flipped" turns the highest bit of both low bytes: 12.8 degrees and 12.8 % go wrong, and the checksum, a sum
 * modulo 256, is as right as before.
 */
#include <linux/gpio/driver.h>
#include <linux/gpio/machine.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/string.h>
#include <linux/version.h>

#define START_US	800
#define ANSWERS_US	40	/* after the line was let go */
#define GREETING_US	80	/* low, then high */
#define GAP_US		50	/* low, before each bit and after the last */
#define ZERO_US		26	/* high */
#define ONE_US		70	/* high */
#define BITS		40
#define EDGES		(2 + 2 * BITS + 2)
#define TRUNCATED	(2 + 2 * 17)

enum fault { NONE, SILENT, CHECKSUM, CUT, FLIPPED };
static const char * const fault_names[] = { "none", "silent", "checksum", "truncated", "flipped", NULL };

static int temperature = 215;
module_param(temperature, int, 0644);
static int humidity = 487;
module_param(humidity, int, 0644);
static int faulty = -1;
module_param(faulty, int, 0644);
static int answers;
module_param(answers, int, 0444);
static long late_ns;
module_param(late_ns, long, 0644);

static int fault = NONE;

static int set_fault(const char *text, const struct kernel_param *param)
{
	int found = __sysfs_match_string(fault_names, -1, text);

	if (found < 0)
		return found;
	WRITE_ONCE(fault, found);
	return 0;
}

static int get_fault(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%s\n", fault_names[READ_ONCE(fault)]);
}

static const struct kernel_param_ops fault_ops = { .set = set_fault, .get = get_fault };
module_param_cb(fault, &fault_ops, NULL, 0644);

static struct gpio_chip chip;
static struct hrtimer clockwork;
static struct platform_device *home, *driven;
static bool driven_low;		/* by whoever asks */
static bool line = true;	/* the pull-up's level, or the sensor's */
static bool heard;		/* whether anybody wants the line's interrupts */
static ktime_t low_since;
static u16 widths[EDGES];	/* us from each edge to the next */
static int edges, edge;

static enum fault todays_fault(void)
{
	enum fault is = READ_ONCE(fault);

	if (is == NONE || faulty < 0)
		return is;
	if (faulty == 0) {
		WRITE_ONCE(fault, NONE);
		return NONE;
	}
	faulty--;
	return is;
}

/* The edges of the next answer; false when there is none. */
static bool prepare(void)
{
	enum fault is = todays_fault();
	u16 sign = temperature < 0 ? 0x8000 | -temperature : temperature;
	u8 bytes[5] = { humidity >> 8, humidity, sign >> 8, sign };
	int i, n = 0;

	bytes[4] = bytes[0] + bytes[1] + bytes[2] + bytes[3];
	if (is == SILENT)
		return false;
	if (is == CHECKSUM)
		bytes[4] ^= 0x01;
	if (is == FLIPPED) {
		bytes[1] ^= 0x80;
		bytes[3] ^= 0x80;
	}
	widths[n++] = GREETING_US;
	widths[n++] = GREETING_US;
	for (i = 0; i < BITS; i++) {
		widths[n++] = GAP_US;
		widths[n++] = bytes[i / 8] & (0x80 >> i % 8) ? ONE_US : ZERO_US;
	}
	widths[n++] = GAP_US;
	widths[n++] = 0;
	edges = is == CUT ? TRUNCATED : EDGES;
	edge = 0;
	return true;
}

/* One edge: the first one pulls the line low. A cut answer leaves it high. */
static enum hrtimer_restart tick(struct hrtimer *timer)
{
	long late = ktime_to_ns(ktime_sub(ktime_get(), hrtimer_get_expires(timer)));

	if (late > late_ns)
		late_ns = late;
	WRITE_ONCE(line, edge % 2 || edge >= edges);
	/* one that nobody wants would be kept, and be the first of the next answer */
	if (READ_ONCE(heard))
		generic_handle_domain_irq(chip.irq.domain, 0);
	if (edge + 1 >= edges)
		return HRTIMER_NORESTART;
	hrtimer_set_expires(timer, ktime_add_us(hrtimer_get_expires(timer), widths[edge]));
	edge++;
	return HRTIMER_RESTART;
}

static void pull(bool low)
{
	if (low && !driven_low)
		low_since = ktime_get();
	driven_low = low;
}

static int line_get(struct gpio_chip *gc, unsigned int offset)
{
	return !driven_low && READ_ONCE(line);
}

static int line_output(struct gpio_chip *gc, unsigned int offset, int value)
{
	hrtimer_cancel(&clockwork);
	WRITE_ONCE(line, true);
	pull(!value);
	return 0;
}

static int line_input(struct gpio_chip *gc, unsigned int offset)
{
	bool asked = driven_low && ktime_us_delta(ktime_get(), low_since) >= START_US;

	driven_low = false;
	if (!asked)
		return 0;
	answers++;
	if (prepare())
		hrtimer_start(&clockwork, ktime_add_us(ktime_get(), ANSWERS_US), HRTIMER_MODE_ABS_HARD);
	return 0;
}

static void irq_nothing(struct irq_data *data)
{
}

static int irq_any_type(struct irq_data *data, unsigned int type)
{
	return 0;	/* both edges come, whatever was asked for */
}

static void irq_close(struct irq_data *data)
{
	WRITE_ONCE(heard, false);
	gpiochip_disable_irq(&chip, irqd_to_hwirq(data));
}

static void irq_open(struct irq_data *data)
{
	gpiochip_enable_irq(&chip, irqd_to_hwirq(data));
	WRITE_ONCE(heard, true);
}

static const struct irq_chip irqs = {
	.name = "dhtsim",
	.irq_ack = irq_nothing,
	.irq_mask = irq_close,
	.irq_unmask = irq_open,
	.irq_set_type = irq_any_type,
	.flags = IRQCHIP_IMMUTABLE,
	GPIOCHIP_IRQ_RESOURCE_HELPERS,
};

static struct gpiod_lookup_table wiring = {
	.dev_id = "dht11",
	.table = { GPIO_LOOKUP("dhtsim", 0, NULL, GPIO_ACTIVE_HIGH), {} },
};

static int add_chip(void)
{
	chip.label = "dhtsim";
	chip.parent = &home->dev;
	chip.owner = THIS_MODULE;
	chip.base = -1;
	chip.ngpio = 1;
	chip.get = line_get;
	chip.direction_input = line_input;
	chip.direction_output = line_output;
	chip.irq.handler = handle_simple_irq;
	chip.irq.default_type = IRQ_TYPE_NONE;
	gpio_irq_chip_set_chip(&chip.irq, &irqs);
	return gpiochip_add_data(&chip, NULL);
}

static int __init dhtsim_init(void)
{
	int error;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&clockwork, tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
#else
	hrtimer_init(&clockwork, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	clockwork.function = tick;
#endif
	home = platform_device_register_simple("dhtsim", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(home))
		return PTR_ERR(home);
	error = add_chip();
	if (error)
		goto no_chip;
	gpiod_add_lookup_table(&wiring);
	driven = platform_device_register_simple("dht11", PLATFORM_DEVID_NONE, NULL, 0);
	if (!IS_ERR(driven))
		return 0;
	error = PTR_ERR(driven);
	gpiod_remove_lookup_table(&wiring);
	gpiochip_remove(&chip);
no_chip:
	platform_device_unregister(home);
	return error;
}

static void __exit dhtsim_exit(void)
{
	platform_device_unregister(driven);
	gpiod_remove_lookup_table(&wiring);
	hrtimer_cancel(&clockwork);
	gpiochip_remove(&chip);
	platform_device_unregister(home);
}

module_init(dhtsim_init);
module_exit(dhtsim_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("a simulated DHT22 on a simulated GPIO line");
