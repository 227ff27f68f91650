//! The list of all cases. The cases themselves stand by theme in the modules below.

mod claims;
mod contents;
mod crashes;
mod deltas;
mod exports;
mod isolation;
mod reach;

use futures::FutureExt;

use super::suite::Case;

macro_rules! cases {
    ($($module:ident: $($name:ident),+;)+) => {
        /// Every case, in the order of a run.
        pub(super) const ALL: &[Case] = &[
            $($(Case { name: stringify!($name), run: |subject| $module::$name(subject).boxed() },)+)+
        ];
    };
}

cases! {
    contents: empty_to_full, full_pass_makes_equal, deletion, empty_inventory, unchanged_full_pass_writes_nothing,
        awkward_characters_and_numbers, rejected_row_alone, rows_up_to_the_largest,
        hundred_thousand_rows_with_flat_memory;
    deltas: delta_equals_full, delta_of_nothing_moves_the_checkpoint, replay_is_a_no_op, stale_base_is_refused;
    isolation: two_scopes_do_not_touch, two_clusters_do_not_touch, foreign_data_survives,
        unknown_partitions_keep_rows, listing_shows_what_is_held;
    claims: claim_writes_no_row, checkpoint_is_read_back_exactly, epoch_fences, foreign_writer_is_refused,
        takeover_locks_the_former_writer_out, retire_keeps_the_epoch;
    exports: restart_writes_nothing, removals_while_away_are_found, unknown_is_never_deleted,
        rejected_rows_are_retried_when_changed, retired_scopes_can_start_again;
    crashes: cancel_at_every_poll_then_repeat, cut_between_batches_then_reconcile, cut_between_batches_then_taken_back, lost_answers_are_found_out,
        lost_checkpoint_is_rebuilt, garbled_checkpoint_is_never_equal, random_histories_converge;
    reach: probe_says_that_all_is_well, wrong_credentials_are_classified, unreachable_address_is_classified;
}
