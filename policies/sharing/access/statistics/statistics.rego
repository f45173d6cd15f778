# METADATA
# title: Statistics stay statistics
# description: >-
#   Establishes, for a purpose that offers statistics only, that the query is one and that every column is used as a statistic
#   may use it. Groups and conditions take columns that cannot single people out, counting and joining take the data subjects
#   or pseudonyms, and sums and averages take bounded numbers. Other purposes have no such rule.
# custom:
#   basis: Statistics Law, article 25; Personal Information Protection Law, articles 6 and 73
package sharing.access.statistics

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose
import data.sharing.access.request

# Forms in which data subjects can be told apart, so that they can be counted.
countable := {"pseudonym", "clear"}

of_groups := {"grouped", "selected", "filtered", "looked_up"}

of_subjects := {"counted", "joined"}

default established := false

established if purpose.declared.aggregate_only == false

established if {
	purpose.declared.aggregate_only == true
	input.query.aggregate_only == true
	every dataset in input.query.datasets {
		subjects_countable(dataset)
		columns_fit(dataset)
	}
}

# METADATA
# description: Every group can be held against the smallest number of people.
subjects_countable(dataset) if {
	key := request.catalogued[dataset.name].entity_key
	countable[purpose.needs[dataset.name].columns[key].action]
}

columns_fit(dataset) if {
	every column in dataset.columns {
		column_fits(dataset, column)
	}
}

# METADATA
# description: The column is used, and every one of its uses fits a statistic.
column_fits(dataset, column) if {
	some _ in column.uses
	every use in column.uses {
		fits(dataset, column, use)
	}
}

fits(dataset, column, use) if {
	of_groups[use]
	request.catalogued[dataset.name].columns[column.name].groupable == true
} else if {
	of_subjects[use]
	request.catalogued[dataset.name].entity_key == column.name
} else if {
	of_subjects[use]
	minimisation.treatments[dataset.name][column.name].action == "pseudonym"
} else if {
	use == "summed"
	request.catalogued[dataset.name].columns[column.name].clamped == true
	minimisation.treatments[dataset.name][column.name].action == "clear"
}

denials contains denial.make("STATISTICS_ONLY", "statistics", [], "COUNT_ONLY", []) if {
	minimisation.names_available
	not established
}
