# SPDX-License-Identifier: MIT
#
# Variants of the kernel that differ from the usual build in some objects. They are linked from the
# usual ones and those, without a table of symbols:
#   $(BUILD)/mutants   with known bugs (lib/mutant.h), of which the boot option mutant=NAME switches
#                      one on. Looks like a build directory to the tests.
#   $(BUILD)/untraced  without the sites of the trace, to see what those cost
# The unit tests have the bugs in them anyway: MUTANT=NAME in the environment chooses.

VARIANT_SOURCES := $(filter-out lib/%,$(filter %.c,$(KERNEL_SOURCES)))

# $(call variant,directory,flag,sources that the flag makes a difference to)
define variant
$(1)/obj/kernel/%.c.o: %.c $(BUILD)/flags/kernel $(staged)
	$$(call say,CC,$$< [$(notdir $(1))])
	@mkdir -p $$(@D)
	$$(quiet)$$(CC) $$(KERNEL_CFLAGS) $(2) -MMD -MP -c -o $$@ $$<

$(eval objects := $(foreach source,$(KERNEL_SOURCES) $(RING0_SOURCES),\
	$(if $(filter $(source),$(3)),$(1),$(BUILD))/obj/kernel/$(source).o))
$(1)/kernel.elf: $(filter-out $(RING0_OBJECTS),$(objects)) linker.ld
	$$(call say,LD,$$@)
	$$(quiet)$$(LD) $$(KERNEL_LDFLAGS) -T linker.ld -o $$@ $$(filter %.o,$$^)

$(1)/kernel-test.elf: $(objects) linker.ld
	$$(call say,LD,$$@)
	$$(quiet)$$(LD) $$(KERNEL_LDFLAGS) -T linker.ld -o $$@ $$(filter %.o,$$^)

-include $(3:%=$(1)/obj/kernel/%.d)
endef

# Only what asks for a variant is worth a search.
ifneq ($(filter mutants test% $(BUILD)/mutants/%,$(MAKECMDGOALS)),)
mutant_headers := $(shell grep -l 'MUTANT([a-z0-9_]*)' boot/*.h kernel/*/*.h mm/*.h)
mutant_sources := $(shell grep -lE 'MUTANT\([a-z0-9_]+\)$(mutant_headers:%=|"%")' $(VARIANT_SOURCES))
endif
$(eval $(call variant,$(BUILD)/mutants,-DMUTANTS,$(mutant_sources) lib/mutant.c kernel/options.c))

# Ring-3 programs are the usual ones.
$(BUILD)/mutants/tests/ring3:
	@mkdir -p $(@D)
	@ln -sfn ../../tests/ring3 $@

# One word for each use: NAME:SOURCE.
.PHONY: mutants
mutants:
	@grep -Eo 'MUTANT\([a-z0-9_]+\)' $(mutant_sources) $(mutant_headers) | \
		sed 's/\(.*\):MUTANT(\(.*\))/\2:\1/' | sort -u

untraced_sources := $(if $(filter test% $(BUILD)/untraced/%,$(MAKECMDGOALS)),\
	$(shell grep -l '"mm/trace.h"' $(VARIANT_SOURCES)))
$(eval $(call variant,$(BUILD)/untraced,-DNO_TRACE_SITES,$(untraced_sources)))
