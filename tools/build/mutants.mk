# SPDX-License-Identifier: MIT
#
# Known bugs, one at a time (lib/mutant.h). A mutant differs from the usual build in one or two
# objects, so it is linked from the usual objects and those: seconds, not a whole build. It lies in
# $(BUILD)/mutants/NAME, which looks like a build directory to the tests.
# (`make MUTANT=name` is the slow way to the same kernel, with everything compiled anew.)

MUTANT_SOURCES := $(filter-out lib/mutant.h,$(wildcard boot/*.c kernel/*.c kernel/*/*.c mm/*.c))
# Pairs name:source. Only what `make mutants` or a file below mutants/ asks for is worth a search.
ifneq ($(filter mutants test $(BUILD)/mutants/%,$(MAKECMDGOALS)),)
mutant_uses := $(shell grep -Eo 'MUTANT\([a-z0-9_]+\)' $(MUTANT_SOURCES) | \
	sed 's/\(.*\):MUTANT(\(.*\))/\2:\1/' | sort -u)
MUTANTS := $(sort $(foreach use,$(mutant_uses),$(firstword $(subst :, ,$(use)))))
endif
mutated = $(patsubst $(1):%,%,$(filter $(1):%,$(mutant_uses)))

# $(call mutant,name,sources with the bug,its directory)
define mutant
$(3)/obj/kernel/%.c.o: %.c $(BUILD)/flags/kernel $(staged)
	$$(call say,CC,$$< [mutant $(1)])
	@mkdir -p $$(@D)
	$$(quiet)$$(CC) $$(KERNEL_CFLAGS) -DMUTANT_$(1) -MMD -MP -c -o $$@ $$<

$(3)/obj/unit/%.c.o: %.c $(BUILD)/flags/unit
	$$(call say,CC,$$< [unit; mutant $(1)])
	@mkdir -p $$(@D)
	$$(quiet)$$(HOST_CC) $$(UNIT_CFLAGS) -DMUTANT_$(1) -MMD -MP -c -o $$@ $$<

$(eval objects := $(foreach source,$(KERNEL_SOURCES) $(RING0_SOURCES),\
	$(if $(filter $(source),$(2)),$(3),$(BUILD))/obj/kernel/$(source).o))
$(3)/kernel.elf: $(filter-out $(RING0_OBJECTS),$(objects)) linker.ld
	$$(call say,LD,$$@)
	$$(quiet)$$(LD) $$(KERNEL_LDFLAGS) -T linker.ld -o $$@ $$(filter %.o,$$^)

$(3)/kernel-test.elf: $(objects) linker.ld
	$$(call say,LD,$$@)
	$$(quiet)$$(LD) $$(KERNEL_LDFLAGS) -T linker.ld -o $$@ $$(filter %.o,$$^)

# The bug's object comes before the archive that holds the right one.
$(3)/tests/unit/%: $(BUILD)/obj/unit/tests/unit/%.c.o $(2:%=$(3)/obj/unit/%.o) \
		$(BUILD)/tests/libunit.a
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(quiet)$$(HOST_CC) $$(UNIT_CFLAGS) -o $$@ $$^ -lcmocka

# Ring-3 programs are the same for every mutant.
$(3)/tests/ring3:
	@mkdir -p $$(@D)
	@ln -sfn ../../../tests/ring3 $$@

-include $(2:%=$(3)/obj/kernel/%.d) $(2:%=$(3)/obj/unit/%.d)
endef
$(foreach name,$(MUTANTS),$(eval \
	$(call mutant,$(name),$(call mutated,$(name)),$(BUILD)/mutants/$(name))))

# One word for each use: NAME:SOURCE.
.PHONY: mutants
mutants:
	@printf '%s\n' $(mutant_uses)

# Not a bug: the kernel without the sites of the trace, to see what those cost.
untraced_sources := $(if $(filter test% $(BUILD)/untraced/%,$(MAKECMDGOALS)),\
	$(shell grep -l '"mm/trace.h"' $(MUTANT_SOURCES)))
$(eval $(call mutant,no_trace_sites,$(untraced_sources),$(BUILD)/untraced))
